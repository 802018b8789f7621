variable "name" {
  description = "The bucket's name, unique in all of Google Cloud."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 63 lower case letters, digits and hyphens."
  }
}

variable "location" {
  description = "Region, or several (EU, US)."
  type        = string
  nullable    = false
}

variable "versions" {
  description = "Former versions of an object that are kept."
  type        = number
  nullable    = false
}

variable "expire_days" {
  description = "Days after which an object goes; null: never."
  type        = number
  default     = null
}

variable "encryption_key" {
  description = "Id of the key that encrypts the objects."
  type        = string
  nullable    = false
}

variable "access_log_bucket" {
  description = "Bucket that takes the log of accesses."
  type        = string
  nullable    = false
}

variable "readers" {
  description = "Members that read, by any name."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "writers" {
  description = "Members that read and write, by any name."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "labels" {
  description = "Labels of the bucket."
  type        = map(string)
  default     = {}
  nullable    = false
}
