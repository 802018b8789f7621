output "email" {
  description = "Address of the service account: the value of a ServiceAccount's annotation `iam.gke.io/gcp-service-account`."
  value       = google_service_account.this.email
}

output "member" {
  description = "The service account as access policies name it."
  value       = google_service_account.this.member
}
