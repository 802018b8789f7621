variable "name" {
  description = "Prefix of the zones' names."
  type        = string
  nullable    = false
}

variable "public" {
  description = "Domain of the public zone, without a dot at its end."
  type        = string
  nullable    = false
}

variable "private" {
  description = "Domain of the zone that only the networks see."
  type        = string
  nullable    = false
}

variable "networks" {
  description = "Networks that see the private zone, by any name."
  type        = map(string)
  nullable    = false
}

variable "labels" {
  description = "Labels of the zones."
  type        = map(string)
  default     = {}
  nullable    = false
}
