output "state" {
  description = "State of the peering as Google Cloud tells it; ACTIVE when both sides are there."
  value       = google_compute_network_peering.back.state
}
