// The definitions of the custom kinds in deploy/components, pinned: nothing of them is compiled.
module stagecraft/crds

go 1.26.0

require (
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/gateway-api v1.6.3
)
