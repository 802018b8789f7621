# Who a pod is to Google Cloud: its Kubernetes ServiceAccount becomes this one, without any key.

resource "google_service_account" "this" {
  account_id   = var.name
  display_name = var.purpose
}

resource "google_service_account_iam_member" "pod" {
  for_each = toset(var.accounts)

  service_account_id = google_service_account.this.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.project}.svc.id.goog[${var.namespace}/${each.value}]"
}

resource "google_project_iam_member" "this" {
  for_each = var.roles

  project = var.project
  role    = each.value
  member  = google_service_account.this.member
}
