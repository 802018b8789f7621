output "name" {
  description = "The cluster's name."
  value       = google_container_cluster.this.name
}

output "location" {
  description = "Its region."
  value       = google_container_cluster.this.location
}

output "endpoint" {
  description = "The control plane's DNS name."
  value       = google_container_cluster.this.control_plane_endpoints_config[0].dns_endpoint_config[0].endpoint
}

output "node_service_account" {
  description = "Address of the nodes' service account, which firewall rules aim at."
  value       = google_service_account.nodes.email
}
