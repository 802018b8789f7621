# What an installation is, in no cloud's words: clusters, their ranges, who may reach whom, stores and identities.
# A cloud's root module reads this and makes it; another cloud is one more such root.

locals {
  names = ["management", "resources", "deployments"]

  # A quarter of the supernet each (the fourth is kept): pods take half of it, services and nodes a part of the rest.
  ranges = { for index, name in local.names : name => cidrsubnet(var.supernet, 2, index) }

  clusters = {
    for name in local.names : name => {
      name     = "marea-${var.environment}-${name}"
      pods     = cidrsubnet(local.ranges[name], 1, 0)
      services = cidrsubnet(local.ranges[name], 6, 32)
      nodes    = cidrsubnet(local.ranges[name], 6, 33)
      pools = merge(
        {
          steady = {
            spot = false
            min  = var.sizes[name].steady_min
            max  = var.sizes[name].steady_max
            # Stores and brokers want memory; services are small.
            cpu    = name == "resources" ? 4 : 2
            memory = name == "resources" ? 32 : 8
          }
        },
        # Nothing that keeps data runs where nodes are reclaimed.
        name == "resources" || var.sizes[name].spot_max == 0 ? {} : {
          spot = { spot = true, min = 0, max = var.sizes[name].spot_max, cpu = 4, memory = 16 }
        },
      )
      auto_provisioning = {
        cpu_max        = var.sizes[name].cpu_max
        memory_gib_max = var.sizes[name].memory_gib_max
      }
    }
  }

  # MongoDB's members are asked by name, each for itself; the names mean these addresses of load balancers, one a member,
  # which `k8s/resources` and `k8s/remote-stores` hold as well. Near the end of the nodes' range: nodes come from its start.
  addresses = { for index in range(3) : "mongodb-${index}" => cidrhost(local.clusters.resources.nodes, index - 32) }

  # Who opens connections to whom, and where to. What is not here is not reachable, but for load balancers: for each GKE
  # opens its ports itself, to the source ranges that its Service names.
  flows = {
    services-to-stores = {
      from  = "management"
      to    = "resources"
      why   = "Services use the broker and the stores."
      ports = ["5672", "6379", "27017"]
    }
    observation-of-stores = {
      from  = "management"
      to    = "resources"
      why   = "Prometheus beside the services reads the queues from the one beside the broker, for scaling."
      ports = ["9090"]
    }
    logs-of-services = {
      from  = "management"
      to    = "resources"
      why   = "Fluent Bit hands logs to Logstash."
      ports = ["8080"]
    }
    tasks-to-broker = {
      from  = "deployments"
      to    = "resources"
      why   = "Workers of tasks use the broker."
      ports = ["5672"]
    }
    logs-of-tasks = {
      from  = "deployments"
      to    = "resources"
      why   = "Fluent Bit hands logs to Logstash."
      ports = ["8080"]
    }
  }

  # Peering is of pairs, whichever side opens.
  pairs = distinct([for flow in values(local.flows) : join(":", sort([flow.from, flow.to]))])

  buckets = {
    # The source of truth: kept versions are the way back from a mistake.
    records = { versions = 10, expire_days = null, readers = [], writers = local.services }
  }

  # Services that open the records. Console does not.
  services = ["entrypoint", "yaml-manager", "cluster-applier", "status-worker", "ingest", "tally"]

  # Who a pod is to the cloud: ServiceAccounts of a namespace in which clusters, and what for.
  identities = merge(
    {
      for name in local.services : name => {
        clusters = ["management"], namespace = "marea", accounts = [name], purpose = "Reads and writes records."
      }
    },
    {
      external-dns = {
        clusters  = ["management", "resources"]
        namespace = "external-dns"
        accounts  = ["external-dns"]
        purpose   = "Writes names of load balancers."
      }
      argocd = {
        clusters  = ["management"]
        namespace = "argocd"
        accounts  = ["argocd-application-controller", "argocd-server", "argocd-applicationset-controller"]
        purpose   = "Applies what the repository says to all three clusters."
      }
    },
  )
}
