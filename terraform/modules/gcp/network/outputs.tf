output "id" {
  description = "The network's id."
  value       = google_compute_network.this.id
}

output "self_link" {
  description = "The network's address, as peerings want it."
  value       = google_compute_network.this.self_link
}

output "subnetwork" {
  description = "Id of the subnetwork of nodes; its ranges are named `pods` and `services`."
  value       = google_compute_subnetwork.nodes.id
}

output "nat_addresses" {
  description = "Addresses that the nodes are seen under outside."
  value       = google_compute_address.nat[*].address
}
