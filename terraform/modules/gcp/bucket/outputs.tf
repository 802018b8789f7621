output "url" {
  description = "Address as `MAREA_BLOBS` takes it; a prefix may follow."
  value       = "gs://${google_storage_bucket.this.name}"
}
