# What is built: every service in every stage. How: the Dockerfile.
#   docker buildx bake              base and the production image of every service
#   docker buildx bake hardened     the same without a shell or a package manager in them
#   docker buildx bake test         every service's tests; a failing test fails the build
#   docker buildx bake echo-test    one service's tests; what they report is in dist/test/echo/
# Written for buildx 0.13 too, so it has no `validation`, and no `type` or `description` in a variable.

# the folders under services/
variable "SERVICES" {
  default = [
    "compare",
    "echo",
    "health",
  ]
}

# "registry.example.com/team/" to push there
variable "REGISTRY" {
  default = "stagecraft/"
}

variable "VERSION" {
  default = "dev"
}

# where the source is kept, the commit that is built, and its time in seconds since 1970: `make` asks git for all three
variable "SOURCE" {
  default = "unknown"
}
variable "REVISION" {
  default = "unknown"
}
variable "SOURCE_DATE_EPOCH" {
  default = null
}

# null: the Dockerfile's own default holds
variable "PYTHON_VERSION" {
  default = null
}
variable "PYTHON_IMAGE" {
  default = null
}

# "docker-image://registry.example.com/python-base:1" to build on an image of yours instead of the base stage
variable "BASE_CONTEXT" {
  default = "target:base"
}

# a file of CA certificates, for a network whose proxy has a CA of its own: a build sees it, no image has it
variable "SSL_CERT_FILE" {
  default = ""
}

# a netrc file with the tokens of private indexes, by host: a build sees it, no image has it
variable "NETRC" {
  default = ""
}

# true: each image says how it was built, and is pushed, as the engine can't hold that
variable "ATTEST" {
  default = false
}

# "registry.example.com/team/cache": where each target's steps are read from, and where they are written to
variable "CACHE_FROM" {
  default = ""
}
variable "CACHE_TO" {
  default = ""
}

group "default" {
  targets = ["production"]
}

# base is named in each group: a target that is only linked would be exported as a nameless image by buildx 0.13
group "builder" {
  targets = concat(["base"], [for service in SERVICES : "${service}-builder"])
}
group "test" {
  targets = concat(["base"], [for service in SERVICES : "${service}-test"])
}
group "development" {
  targets = concat(["base"], [for service in SERVICES : "${service}-development"])
}
group "production" {
  targets = concat(["base"], [for service in SERVICES : "${service}-production"])
}
group "hardened" {
  targets = concat(["base-hardened"], [for service in SERVICES : "${service}-hardened"])
}

target "_common" {
  args = {
    PYTHON_IMAGE      = PYTHON_IMAGE
    PYTHON_VERSION    = PYTHON_VERSION
    SOURCE_DATE_EPOCH = SOURCE_DATE_EPOCH
  }
  secret = [for id, path in { ca = SSL_CERT_FILE, netrc = NETRC } : "id=${id},src=${path}" if path != ""]
}

target "base" {
  inherits = ["_common"]
  target   = "base"
  output   = ["type=cacheonly"]

  cache-from = CACHE_FROM == "" ? [] : ["type=registry,ref=${CACHE_FROM}:base"]
  cache-to   = CACHE_TO == "" ? [] : ["type=registry,ref=${CACHE_TO}:base,mode=max"]
}

target "base-hardened" {
  inherits = ["base"]
  args     = { ROOTFS = "hardened" }

  cache-from = CACHE_FROM == "" ? [] : ["type=registry,ref=${CACHE_FROM}:base-hardened"]
  cache-to   = CACHE_TO == "" ? [] : ["type=registry,ref=${CACHE_TO}:base-hardened,mode=max"]
}

target "service" {
  name = "${service}-${stage.name}"
  matrix = {
    service = SERVICES
    stage = [
      { name = "builder", target = "builder", base = BASE_CONTEXT, output = "type=cacheonly", suffix = "-builder" },
      { name = "test", target = "reports", base = BASE_CONTEXT, output = "type=local,dest=dist/test/SERVICE", suffix = "-test" },
      { name = "development", target = "development", base = BASE_CONTEXT, output = "type=docker", suffix = "-development" },
      { name = "production", target = "production", base = BASE_CONTEXT, output = "type=docker", suffix = "" },
      { name = "hardened", target = "production", base = "target:base-hardened", output = "type=docker", suffix = "-hardened" },
    ]
  }
  inherits = ["_common"]
  target   = stage.target
  contexts = { base = stage.base }
  args = {
    SERVICE  = service
    REVISION = REVISION
  }
  labels = {
    "org.opencontainers.image.title"    = service
    "org.opencontainers.image.version"  = VERSION
    "org.opencontainers.image.revision" = REVISION
    "org.opencontainers.image.source"   = SOURCE
    "org.opencontainers.image.created"  = SOURCE_DATE_EPOCH == null ? null : timeadd("1970-01-01T00:00:00Z", "${SOURCE_DATE_EPOCH}s")
    "org.opencontainers.image.licenses" = "MIT"
  }
  tags   = ["${REGISTRY}${service}:${VERSION}${stage.suffix}"]
  output = [replace(replace(stage.output, "SERVICE", service), "type=docker", ATTEST ? "type=registry" : "type=docker")]
  attest = ATTEST ? ["type=provenance,mode=max"] : []

  cache-from = CACHE_FROM == "" ? [] : ["type=registry,ref=${CACHE_FROM}:${service}-${stage.name}"]
  cache-to   = CACHE_TO == "" ? [] : ["type=registry,ref=${CACHE_TO}:${service}-${stage.name},mode=max"]
}
