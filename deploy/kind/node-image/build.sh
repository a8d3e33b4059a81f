#!/usr/bin/env bash
# Builds a kind node image from published Go modules and Debian packages, where no registry answers for kind's own.
#   build.sh IMAGE FOLDER
# What is done stays in FOLDER: a run that was stopped goes on from there. Needs root, Docker, Go, gcc, pkg-config,
# libseccomp's headers and mmdebstrap, which `make kind` sees to.
set -euo pipefail
image=${1:?name of the image} folder=$(realpath "${2:?folder for what is made}")
here=$(cd "$(dirname "$0")" && pwd)
programs=$folder/programs
mkdir -p "$programs"
# of its own, as it is 11 GB by the end, and then goes
export GOCACHE=$folder/go-build GOMODCACHE=$folder/go-modules GOBIN=$programs CGO_ENABLED=0
# the linker drops what a debugger would want: so none of it is made
export GOFLAGS='-trimpath -gcflags=all=-dwarf=false'
version() { awk -v module="$1" '$1 == module { print $2; exit }' "$here/hyperkube/go.mod"; }
kubernetes=$(version k8s.io/kubernetes)

say() { printf '%3d:%02d  %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }

# Go's own list of what it compiles, as a line for each two hundred packages
progress() { awk '/^go: downloading|^#/ { next } / / { print; next } ++n % 200 == 0 { printf "       %d packages\n", n; fflush() }'; }

# program NAME COMMAND…: makes a program of this name, unless it is there
program() {
  [ -e "$programs/$1" ] && return
  say "compiling $1"
  "${@:2}" 2>&1 | progress
}
install() { go install -v -ldflags '-s -w' "$@"; }

hyperkube() {
  local set="-X k8s.io/component-base/version.git"
  go -C "$here/hyperkube" build -v -o "$programs/hyperkube.part" -ldflags "-s -w ${set}Version=$kubernetes \
    ${set}Major=1 ${set}Minor=$(cut -d. -f2 <<<"$kubernetes") -X k8s.io/client-go/pkg/version.gitVersion=$kubernetes" .
  mv "$programs/hyperkube.part" "$programs/hyperkube"
}
containerd() {
  local path=github.com/containerd/containerd/v2/cmd version=v2.3.7
  GOFLAGS="$GOFLAGS -tags=no_btrfs,no_devmapper,no_zfs" install "$path"/{ctr,containerd-shim-runc-v2,containerd}@$version
}
runc() { # it alone has C in it
  CGO_ENABLED=1 GOFLAGS="$GOFLAGS -tags=seccomp,netgo,osusergo" \
    go install -v -ldflags '-s -w -extldflags -static' github.com/opencontainers/runc@v1.4.3
}

# rootfs NAME PACKAGES: bookworm, as from systemd 257 on none boots on cgroup v1
rootfs() {
  local tar=$folder/$1.tar
  [ -e "$tar" ] && return
  say "installing Debian packages into $1"
  mmdebstrap --quiet --variant=minbase --include="$2" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' bookworm - >"$tar.part"
  mv "$tar.part" "$tar"
}

# beside the longest, which alone leaves a core idle for a third of its time; a group of processes, to end as one
set -m
{
  program containerd containerd
  program crictl install sigs.k8s.io/cri-tools/cmd/crictl@v1.37.0
  program runc runc
  program pause gcc -static -Os -s -o "$programs/pause" "$here/pause.c"
  rootfs rootfs bash,ca-certificates,conntrack,containernetworking-plugins,curl,dbus,e2fsprogs,ethtool,ipset,iproute2,iptables,jq,kmod,libseccomp2,mount,nftables,pigz,procps,socat,systemd,util-linux
  rootfs net-rootfs conntrack,ipset,iproute2,iptables,kmod,nftables
} &
beside=$!
set +m
trap 'kill -- "-$beside" 2>/dev/null || true' EXIT
program hyperkube hyperkube
wait "$beside"
if [ ! -e "$folder/kind-files" ]; then
  cp -r "$(go -C "$here/.." mod download -json sigs.k8s.io/kind | jq -r .Dir)/images/base/files" "$folder/kind-files.part"
  chmod -R u+w "$folder/kind-files.part"
  mv "$folder/kind-files.part" "$folder/kind-files"
fi
rm -rf "$GOCACHE"
[ ! -e "$GOMODCACHE" ] || chmod -R u+w "$GOMODCACHE"
rm -rf "$GOMODCACHE"

made=localhost/kind-node-build
# what is half made, and what is only a part, does not stay
trap 'docker rm --force --volumes "${node:-none}" >/dev/null 2>&1 || true
  docker images --format "{{.Repository}}:{{.Tag}}" "$made/*" | xargs --no-run-if-empty docker rmi >/dev/null' EXIT
for name in rootfs net-rootfs; do docker import "$folder/$name.tar" "$made/$name" >/dev/null; done

say "assembling the node"
# the names that this Kubernetes gives its images, whatever the registry
ln -sf hyperkube "$programs/kubeadm"
names=$("$programs/kubeadm" config images list --kubernetes-version "$kubernetes")
name() { grep "/$1:" <<<"$names"; }
registry=$(name kube-proxy | cut -d/ -f1)
for target in control metrics-server net pause node; do
  docker build --quiet --file "$here/Dockerfile" --target "$target" --tag "$made/$target" \
    --build-context kind-files="$folder/kind-files" --build-context programs="$programs" \
    --build-context rootfs="docker-image://$made/rootfs" --build-context net-rootfs="docker-image://$made/net-rootfs" \
    --build-arg KUBERNETES="$kubernetes" --build-arg PAUSE="$(name pause)" "$here" >/dev/null
done
say "putting the cluster's images into the node"
node=$(docker run --detach --privileged --entrypoint containerd "$made/node")
ctr=(docker exec --interactive "$node" ctr --namespace k8s.io images)
until "${ctr[@]}" list >/dev/null 2>&1; do sleep 0.2; done
docker save "$made"/{control,metrics-server,net,pause} |
  "${ctr[@]}" import --no-unpack --label io.cri-containerd.pinned=pinned - >/dev/null
# tag TARGET NAME…: the names, in the node alone
tag() { "${ctr[@]}" tag "$made/$1:latest" "${@:2}" >/dev/null 2>&1 && "${ctr[@]}" remove "$made/$1:latest" >/dev/null; }
tag control "$(name coredns)" "$(name etcd)" "$(name kube-apiserver)" "$(name kube-controller-manager)" \
  "$(name kube-scheduler)"
tag metrics-server "$registry/metrics-server/metrics-server:$(version sigs.k8s.io/metrics-server)"
tag net "$(name kube-proxy)" localhost/node-net:node
tag pause "$(name pause)"
docker stop "$node" >/dev/null
docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' \
  --change 'LABEL dev.stagecraft.stand-in=true' "$node" "$image" >/dev/null
say "made $image"
