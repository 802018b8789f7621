output "clusters" {
  description = "Clusters by role: name, location, and the control plane's DNS name."
  value = {
    for role, cluster in module.cluster : role => {
      name     = cluster.name
      location = cluster.location
      endpoint = cluster.endpoint
    }
  }
}

output "identities" {
  description = "Identities of pods: the service account's address, and the clusters, namespace and ServiceAccounts that become it."
  value = {
    for name, identity in module.platform.identities : name => {
      email     = module.identity[name].email
      clusters  = identity.clusters
      namespace = identity.namespace
      accounts  = identity.accounts
    }
  }
}

output "buckets" {
  description = "Buckets by purpose, as `MAREA_BLOBS` takes them."
  value       = { for name, bucket in module.bucket : name => bucket.url }
}

output "dns" {
  description = "The public zone's name servers, and both zones' names."
  value       = { name_servers = module.dns.name_servers, zones = module.dns.zones }
}

output "nat_addresses" {
  description = "Addresses that each cluster is seen under outside."
  value       = { for role, network in module.network : role => network.nat_addresses }
}

output "forge" {
  description = "What the repository's variables hold for the plans of pull requests; null without a repository."
  value       = length(module.forge) == 0 ? null : { provider = module.forge[0].provider, service_account = module.forge[0].service_account }
}
