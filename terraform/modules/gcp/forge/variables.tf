variable "name" {
  description = "Prefix of the pool's and the service account's names."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,23}$", var.name))
    error_message = "At most 24 lower case letters, digits and hyphens, of which the first is a letter."
  }
}

variable "project" {
  description = "Id of the project."
  type        = string
  nullable    = false
}

variable "repository" {
  description = "Repository at GitHub whose workflows may plan: owner/name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "The repository is owner/name."
  }
}

variable "state_bucket" {
  description = "Bucket that holds Terraform's state."
  type        = string
  nullable    = false
}
