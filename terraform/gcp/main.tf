# Google Cloud's way of making what the module platform describes.

module "platform" {
  source = "../modules/platform"

  environment = var.environment
  supernet    = var.supernet
  sizes       = var.sizes
  domain      = var.domain
}

locals {
  # What an identity may do in the project beside its buckets.
  roles = {
    argocd       = ["roles/container.admin"]
    external-dns = ["roles/dns.admin"]
  }

  flows_of_pair = {
    for pair in module.platform.pairs : pair => {
      for name, flow in module.platform.flows : "marea-${var.environment}-${name}" => flow
      if pair == join(":", sort([flow.from, flow.to]))
    }
  }
}

module "network" {
  source   = "../modules/gcp/network"
  for_each = module.platform.clusters

  name   = each.value.name
  region = var.region
  ranges = { nodes = each.value.nodes, pods = each.value.pods, services = each.value.services }
}

# Kept for the load balancers that Kubernetes makes in front of single pods.
resource "google_compute_address" "stores" {
  for_each = module.platform.addresses

  name         = "marea-${var.environment}-${each.key}"
  region       = var.region
  subnetwork   = module.network["resources"].subnetwork
  address_type = "INTERNAL"
  purpose      = "GCE_ENDPOINT"
  address      = each.value
}

module "cluster" {
  source   = "../modules/gcp/cluster"
  for_each = module.platform.clusters

  name                = each.value.name
  project             = var.project
  region              = var.region
  network             = module.network[each.key].id
  subnetwork          = module.network[each.key].subnetwork
  pools               = each.value.pools
  auto_provisioning   = each.value.auto_provisioning
  encryption_key      = google_kms_crypto_key.clusters.id
  release_channel     = var.release_channel
  deletion_protection = var.deletion_protection
  security_group      = var.security_group
  labels              = module.platform.labels

  depends_on = [google_kms_crypto_key_iam_member.clusters]
}

module "peering" {
  source   = "../modules/gcp/peering"
  for_each = local.flows_of_pair

  names    = [for name in split(":", each.key) : module.platform.clusters[name].name]
  networks = [for name in split(":", each.key) : module.network[name].self_link]
  flows = {
    for name, flow in each.value : name => {
      network         = module.network[flow.to].id
      sources         = [module.platform.clusters[flow.from].pods, module.platform.clusters[flow.from].nodes]
      service_account = module.cluster[flow.to].node_service_account
      ports           = flow.ports
      why             = flow.why
    }
  }
}

module "dns" {
  source = "../modules/gcp/dns"

  name     = "marea-${var.environment}"
  public   = module.platform.zones.public
  private  = module.platform.zones.private
  networks = { for name, network in module.network : name => network.id }
  labels   = module.platform.labels
}

module "identity" {
  source   = "../modules/gcp/identity"
  for_each = module.platform.identities

  name      = "marea-${var.environment}-${each.key}"
  project   = var.project
  purpose   = each.value.purpose
  namespace = each.value.namespace
  accounts  = each.value.accounts
  roles     = lookup(local.roles, each.key, [])

  # The pool of identities comes with the first cluster.
  depends_on = [module.cluster]
}

module "bucket" {
  source   = "../modules/gcp/bucket"
  for_each = module.platform.buckets

  # Names of buckets are the world's: the project's id makes this one ours.
  name              = "${var.project}-${each.value.name}"
  location          = var.region
  versions          = each.value.versions
  expire_days       = each.value.expire_days
  encryption_key    = google_kms_crypto_key.buckets.id
  access_log_bucket = google_storage_bucket.access_logs.name
  readers           = { for name in each.value.readers : name => module.identity[name].member }
  writers           = { for name in each.value.writers : name => module.identity[name].member }
  labels            = module.platform.labels

  depends_on = [google_kms_crypto_key_iam_member.buckets]
}

module "forge" {
  source = "../modules/gcp/forge"
  count  = var.repository == "" ? 0 : 1

  name         = "marea-${var.environment}"
  project      = var.project
  repository   = var.repository
  state_bucket = var.state_bucket
}
