# Lets workflows of one repository read what is there, so that a pull request shows its plan. They change nothing:
# their account has no right to, and no key of it exists.

locals {
  # Pull requests of branches of this repository; those of forks get no token.
  subject = "repo:${var.repository}:pull_request"
}

resource "google_iam_workload_identity_pool" "this" {
  workload_identity_pool_id = "${var.name}-forge"
  display_name              = "Workflows"
}

resource "google_iam_workload_identity_pool_provider" "this" {
  #checkov:skip=CKV_GCP_125:the subject is compared in full; the check reads literals only, and this one is a local
  workload_identity_pool_id          = google_iam_workload_identity_pool.this.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_condition                = "assertion.sub == '${local.subject}'"

  attribute_mapping = {
    "google.subject" = "assertion.sub"
  }

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account" "plan" {
  account_id   = "${var.name}-plan"
  display_name = "Reads for terraform plan"
}

resource "google_service_account_iam_member" "plan" {
  service_account_id = google_service_account.plan.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.this.name}/subject/${local.subject}"
}

resource "google_project_iam_member" "plan" {
  for_each = toset([
    "roles/browser",
    "roles/cloudkms.viewer",
    "roles/compute.viewer",
    "roles/container.viewer",
    "roles/dns.reader",
    "roles/iam.securityReviewer",
    "roles/iam.serviceAccountViewer",
    "roles/iam.workloadIdentityPoolViewer",
    "roles/storage.bucketViewer",
  ])

  project = var.project
  role    = each.value
  member  = google_service_account.plan.member
}

resource "google_storage_bucket_iam_member" "state" {
  bucket = var.state_bucket
  role   = "roles/storage.objectViewer"
  member = google_service_account.plan.member
}
