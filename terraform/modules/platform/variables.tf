variable "environment" {
  description = "Which installation this is: it is part of every name."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["dev", "pre", "pro"], var.environment)
    error_message = "The environment is dev, pre or pro."
  }
}

variable "supernet" {
  description = "Private range that all clusters share; a /12 at least, which leaves each a /14."
  type        = string
  default     = "10.0.0.0/12"
  nullable    = false

  validation {
    condition     = can(cidrsubnet(var.supernet, 2, 3)) && tonumber(split("/", var.supernet)[1]) <= 12
    error_message = "The supernet is a range in CIDR notation of /12 or larger, for example 10.0.0.0/12."
  }
}

variable "sizes" {
  description = "Nodes of each cluster: the least and most of the pool that always runs, and the most of the pool that may be reclaimed at any time."
  type = map(object({
    steady_min = number
    steady_max = number
    spot_max   = number
    # What node auto-provisioning may add in all.
    cpu_max        = number
    memory_gib_max = number
  }))
  nullable = false

  validation {
    condition     = toset(keys(var.sizes)) == toset(["management", "resources", "deployments"])
    error_message = "Sizes are given of management, resources and deployments, each once."
  }

  validation {
    condition     = alltrue([for size in values(var.sizes) : 1 <= size.steady_min && size.steady_min <= size.steady_max && size.spot_max >= 0])
    error_message = "At least one steady node, at most steady_max of them, and no negative number of spot nodes."
  }
}

variable "domain" {
  description = "Domain under which the public interface is reached, for example marea.example.org."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "The domain is a DNS name in lower case without a dot at its end."
  }
}
