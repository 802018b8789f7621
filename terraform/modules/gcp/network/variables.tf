variable "name" {
  description = "Name of the network and prefix of what is in it."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the subnetwork, the router and the NAT."
  type        = string
  nullable    = false
}

variable "ranges" {
  description = "Ranges of nodes, pods and services in CIDR notation; they may not overlap those of a peered network."
  type        = object({ nodes = string, pods = string, services = string })
  nullable    = false

  validation {
    condition     = alltrue([for range in values(var.ranges) : can(cidrhost(range, 1))])
    error_message = "Each range is in CIDR notation."
  }
}

variable "nat_addresses" {
  description = "Fixed addresses that nodes are seen under outside; each carries about 64,000 connections to one destination."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.nat_addresses >= 1 && var.nat_addresses <= 16
    error_message = "One to sixteen addresses."
  }
}
