variable "name" {
  description = "The cluster's name, 40 characters at most."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", var.name))
    error_message = "A cluster's name has at most 40 lower case letters, digits and hyphens, and begins with a letter."
  }
}

variable "project" {
  description = "Id of the project."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region: the control plane and every pool are spread over its zones."
  type        = string
  nullable    = false
}

variable "network" {
  description = "Id of the network."
  type        = string
  nullable    = false
}

variable "subnetwork" {
  description = "Id of the subnetwork, with ranges named `pods` and `services`."
  type        = string
  nullable    = false
}

variable "pools" {
  description = "Pools by name: whether nodes may be reclaimed at any time, least and most nodes in all zones together, cores and GiB of memory of a node."
  type        = map(object({ spot = bool, min = number, max = number, cpu = number, memory = number }))
  nullable    = false
}

variable "auto_provisioning" {
  description = "Most cores and GiB of memory that node pools made by the cluster itself may have together with all others."
  type        = object({ cpu_max = number, memory_gib_max = number })
  nullable    = false
}

variable "encryption_key" {
  description = "Id of the key that encrypts what the API server stores."
  type        = string
  nullable    = false
}

variable "release_channel" {
  description = "Channel of versions."
  type        = string
  default     = "REGULAR"
  nullable    = false

  validation {
    condition     = contains(["RAPID", "REGULAR", "STABLE", "EXTENDED"], var.release_channel)
    error_message = "The channel is RAPID, REGULAR, STABLE or EXTENDED."
  }
}

variable "authorized_networks" {
  description = "Further private ranges from which the control plane is reached, by name; none: only through its DNS name, by Google's own access control."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the cluster."
  type        = bool
  default     = true
  nullable    = false
}

variable "labels" {
  description = "Labels of the cluster and its nodes."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "security_group" {
  description = "Google group (gke-security-groups@domain) whose groups Kubernetes' roles may be bound to; empty: none."
  type        = string
  default     = ""
  nullable    = false
}
