variable "project" {
  description = "Id of the project; scripts/init makes it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project's id has 6 to 30 lower case letters, digits and hyphens, and begins with a letter."
  }
}

variable "region" {
  description = "Region of everything."
  type        = string
  default     = "europe-west1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region, not a zone: for example europe-west1."
  }
}

variable "environment" {
  description = "dev, pre or pro."
  type        = string
  nullable    = false
}

variable "domain" {
  description = "Domain of the public interface."
  type        = string
  nullable    = false
}

variable "supernet" {
  description = "Private range that the three clusters share; different in each environment, should they ever be joined."
  type        = string
  nullable    = false
}

variable "sizes" {
  description = "Nodes of each cluster; see the module platform."
  type = map(object({
    steady_min     = number
    steady_max     = number
    spot_max       = number
    cpu_max        = number
    memory_gib_max = number
  }))
  nullable = false
}

variable "release_channel" {
  description = "Channel of Kubernetes' versions."
  type        = string
  default     = "REGULAR"
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the clusters; scripts/destroy turns it off."
  type        = bool
  default     = true
  nullable    = false
}

variable "repository" {
  description = "Repository at GitHub whose workflows may plan: owner/name; empty: none."
  type        = string
  default     = ""
  nullable    = false
}

variable "state_bucket" {
  description = "Bucket of Terraform's state, which those workflows read."
  type        = string
  nullable    = false
}

variable "security_group" {
  description = "Google group (gke-security-groups@domain) whose groups Kubernetes' roles may be bound to; empty: none."
  type        = string
  default     = ""
  nullable    = false
}
