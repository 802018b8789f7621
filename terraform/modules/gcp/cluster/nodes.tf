# What nodes are to the cloud: the least that lets them log, measure and pull images.
resource "google_service_account" "nodes" {
  account_id   = trimsuffix(substr("${var.name}-n", 0, 30), "-")
  display_name = "Nodes of ${var.name}"
}

resource "google_project_iam_member" "nodes" {
  for_each = toset(["roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader"])

  project = var.project
  role    = each.value
  member  = google_service_account.nodes.member
}

resource "google_container_node_pool" "this" {
  for_each = var.pools

  name     = each.key
  cluster  = google_container_cluster.this.id
  location = var.region

  autoscaling {
    total_min_node_count = each.value.min
    total_max_node_count = each.value.max
    # Spot nodes come where they are cheapest to be had; what always runs is spread.
    location_policy = each.value.spot ? "ANY" : "BALANCED"
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  upgrade_settings {
    strategy        = "SURGE"
    max_surge       = 1
    max_unavailable = 0
  }

  node_config {
    machine_type    = "n2d-custom-${each.value.cpu}-${each.value.memory * 1024}"
    image_type      = "COS_CONTAINERD"
    disk_type       = "pd-balanced"
    disk_size_gb    = 50
    spot            = each.value.spot
    service_account = google_service_account.nodes.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    resource_labels = var.labels
    labels          = { "marea.dev/pool" = each.key }

    # Only what says that it bears being ended at any time comes here.
    dynamic "taint" {
      for_each = each.value.spot ? [1] : []
      content {
        key    = "marea.dev/spot"
        value  = "true"
        effect = "NO_SCHEDULE"
      }
    }

    metadata = {
      disable-legacy-endpoints = "true"
    }

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }

    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }

  lifecycle {
    # The autoscaler's.
    ignore_changes = [initial_node_count]
  }
}
