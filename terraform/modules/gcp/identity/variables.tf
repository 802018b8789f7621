variable "name" {
  description = "The service account's id, 6 to 30 characters."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.name))
    error_message = "A service account's id has 6 to 30 lower case letters, digits and hyphens, and begins with a letter."
  }
}

variable "project" {
  description = "Id of the project."
  type        = string
  nullable    = false
}

variable "purpose" {
  description = "What the identity is for."
  type        = string
  nullable    = false
}

variable "namespace" {
  description = "Namespace of the ServiceAccounts that become it."
  type        = string
  nullable    = false
}

variable "accounts" {
  description = "Names of the ServiceAccounts that become it."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.accounts) > 0
    error_message = "An identity that no ServiceAccount becomes is none."
  }
}

variable "roles" {
  description = "Roles in the project."
  type        = set(string)
  default     = []
  nullable    = false
}
