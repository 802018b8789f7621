output "provider" {
  description = "The provider's name: the repository's variable GCP_WORKLOAD_IDENTITY_PROVIDER."
  value       = google_iam_workload_identity_pool_provider.this.name
}

output "service_account" {
  description = "The account's address: the repository's variable GCP_PLAN_SERVICE_ACCOUNT."
  value       = google_service_account.plan.email
}
