// kube-state-metrics, in a module of its own: `go install` asks for a list of versions, which not every proxy gives.
module marea.dev/servers/kube-state-metrics

go 1.25.0

require k8s.io/kube-state-metrics/v2 v2.18.0
