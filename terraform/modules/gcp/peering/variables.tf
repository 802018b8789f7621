variable "names" {
  description = "Names of the two networks, in the order of `networks`."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.names) == 2
    error_message = "Two networks are peered."
  }
}

variable "networks" {
  description = "Addresses (self links) of the two networks."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.networks) == 2
    error_message = "Two networks are peered."
  }
}

variable "flows" {
  description = "Connections between the two that are let in, by name: the network that they come to, ranges that they come from, service account of the nodes that they come to, TCP ports, and why."
  type = map(object({
    network         = string
    sources         = list(string)
    service_account = string
    ports           = list(string)
    why             = string
  }))
  nullable = false
}
