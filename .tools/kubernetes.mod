// Not a tool: this module has the OpenAPI document that the manifests are held against.

module tools

go 1.26.0

require k8s.io/kubernetes v1.34.1
