# Joins two networks both ways, and lets in what is listed and nothing else.

resource "google_compute_network_peering" "there" {
  name                 = "${var.names[0]}-to-${var.names[1]}"
  network              = var.networks[0]
  peer_network         = var.networks[1]
  export_custom_routes = false
  import_custom_routes = false
}

resource "google_compute_network_peering" "back" {
  name                 = "${var.names[1]}-to-${var.names[0]}"
  network              = var.networks[1]
  peer_network         = var.networks[0]
  export_custom_routes = false
  import_custom_routes = false

  # Google Cloud makes one peering of a network at a time.
  depends_on = [google_compute_network_peering.there]
}

resource "google_compute_firewall" "flow" {
  for_each = var.flows

  name                    = each.key
  description             = each.value.why
  network                 = each.value.network
  direction               = "INGRESS"
  priority                = 1000
  source_ranges           = each.value.sources
  target_service_accounts = [each.value.service_account]

  allow {
    protocol = "tcp"
    ports    = each.value.ports
  }

  log_config {
    metadata = "EXCLUDE_ALL_METADATA"
  }
}
