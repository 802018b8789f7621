output "clusters" {
  description = "Clusters by role: name, ranges of nodes, pods and services, pools (CPU in cores, memory in GiB), bounds of auto-provisioning."
  value       = local.clusters
}

output "addresses" {
  description = "Private addresses on the nodes' range of resources that are kept for load balancers, by name."
  value       = local.addresses
}

output "flows" {
  description = "Connections that are allowed between clusters, by name: from, to, TCP ports, why."
  value       = local.flows
}

output "pairs" {
  description = "Pairs of clusters whose networks are joined, each as `one:other` in the order of the alphabet."
  value       = local.pairs
}

output "buckets" {
  description = "Buckets by purpose: versions kept, days after which objects go, identities that read and write."
  value       = { for name, bucket in local.buckets : name => merge(bucket, { name = "marea-${var.environment}-${name}" }) }
}

output "identities" {
  description = "Identities of pods by name: clusters, namespace, ServiceAccounts, purpose."
  value       = local.identities
}

output "zones" {
  description = "DNS zones: the public one, and the one that only the clusters see."
  value       = { public = var.domain, private = "marea.internal" }
}

output "labels" {
  description = "Labels of everything that is made."
  value       = { project = "marea", environment = var.environment, managed-by = "terraform" }
}
