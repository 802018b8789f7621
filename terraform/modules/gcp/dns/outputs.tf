output "name_servers" {
  description = "Name servers of the public zone: the registrar's records of the domain name them."
  value       = google_dns_managed_zone.public.name_servers
}

output "zones" {
  description = "Names of the zones in Google Cloud."
  value       = { public = google_dns_managed_zone.public.name, private = google_dns_managed_zone.private.name }
}
