# Keys of what is stored. A key ring can never be deleted, and a key only with all that it encrypted: they stay after
# a destroy, and a new installation of the same name takes them up again (scripts/destroy says how).

data "google_project" "this" {
  project_id = var.project
}

resource "google_kms_key_ring" "this" {
  name     = "marea-${var.environment}"
  location = var.region
}

resource "google_kms_crypto_key" "clusters" {
  name            = "clusters"
  key_ring        = google_kms_key_ring.this.id
  rotation_period = "7776000s"

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key" "buckets" {
  name            = "buckets"
  key_ring        = google_kms_key_ring.this.id
  rotation_period = "7776000s"

  lifecycle {
    prevent_destroy = true
  }
}

# GKE and Cloud Storage encrypt as accounts of their own.
resource "google_kms_crypto_key_iam_member" "clusters" {
  crypto_key_id = google_kms_crypto_key.clusters.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:service-${data.google_project.this.number}@container-engine-robot.iam.gserviceaccount.com"
}

resource "google_kms_crypto_key_iam_member" "buckets" {
  crypto_key_id = google_kms_crypto_key.buckets.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:service-${data.google_project.this.number}@gs-project-accounts.iam.gserviceaccount.com"
}

# Who read and wrote what in the buckets.
resource "google_storage_bucket" "access_logs" {
  #checkov:skip=CKV_GCP_62:it is the bucket of access logs; logged to itself it would grow by reading
  name                        = "${var.project}-marea-${var.environment}-access-logs"
  location                    = var.region
  labels                      = module.platform.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = true
  }

  encryption {
    default_kms_key_name = google_kms_crypto_key.buckets.id
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 90
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.buckets]
}

# Cloud Storage's own writer of such logs.
resource "google_storage_bucket_iam_member" "access_logs" {
  bucket = google_storage_bucket.access_logs.name
  role   = "roles/storage.objectCreator"
  member = "group:cloud-storage-analytics@google.com"
}
