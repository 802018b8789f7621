# A public zone, signed, for the interface; a private one for load balancers inside. ExternalDNS fills both.

resource "google_dns_managed_zone" "public" {
  name          = "${var.name}-public"
  dns_name      = "${var.public}."
  description   = "The public interface"
  visibility    = "public"
  force_destroy = false
  labels        = var.labels

  dnssec_config {
    state = "on"

    default_key_specs {
      algorithm  = "ecdsap256sha256"
      key_type   = "keySigning"
      key_length = 256
    }

    default_key_specs {
      algorithm  = "ecdsap256sha256"
      key_type   = "zoneSigning"
      key_length = 256
    }
  }

  cloud_logging_config {
    enable_logging = true
  }
}

resource "google_dns_managed_zone" "private" {
  name          = "${var.name}-private"
  dns_name      = "${var.private}."
  description   = "Load balancers inside"
  visibility    = "private"
  force_destroy = false
  labels        = var.labels

  private_visibility_config {
    dynamic "networks" {
      for_each = var.networks
      content {
        network_url = networks.value
      }
    }
  }
}
