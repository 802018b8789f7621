# terraform test, without a provider or a network.
variables {
  environment = "dev"
  domain      = "marea.example.org"
  sizes = {
    management  = { steady_min = 1, steady_max = 3, spot_max = 5, cpu_max = 40, memory_gib_max = 160 }
    resources   = { steady_min = 3, steady_max = 6, spot_max = 5, cpu_max = 64, memory_gib_max = 256 }
    deployments = { steady_min = 1, steady_max = 3, spot_max = 0, cpu_max = 200, memory_gib_max = 800 }
  }
}

run "ranges_do_not_overlap" {
  command = plan

  assert {
    condition     = output.clusters.management.pods == "10.0.0.0/15" && output.clusters.resources.pods == "10.4.0.0/15"
    error_message = "Each cluster's pods have a /15 of its own."
  }

  assert {
    condition     = output.clusters.deployments.services == "10.10.0.0/20" && output.clusters.deployments.nodes == "10.10.16.0/20"
    error_message = "Services and nodes lie in the upper half of the cluster's range."
  }
}

run "members_of_mongodb_have_addresses_among_the_nodes" {
  command = plan

  assert {
    condition     = output.addresses == { mongodb-0 = "10.6.31.224", mongodb-1 = "10.6.31.225", mongodb-2 = "10.6.31.226" }
    error_message = "k8s/remote-stores and k8s/resources hold these addresses."
  }
}

run "nothing_that_keeps_data_runs_on_spot_nodes" {
  command = plan

  assert {
    condition     = !contains(keys(output.clusters.resources.pools), "spot") && contains(keys(output.clusters.management.pools), "spot")
    error_message = "The cluster of stores has no spot pool, whatever its size says."
  }

  assert {
    condition     = !contains(keys(output.clusters.deployments.pools), "spot")
    error_message = "A spot pool of no nodes is not made."
  }
}

run "each_pair_is_joined_once" {
  command = plan

  assert {
    condition     = toset(output.pairs) == toset(["management:resources", "deployments:resources"])
    error_message = "Management and deployments are not joined, and no pair is joined twice."
  }
}

run "every_writer_of_a_bucket_is_an_identity" {
  command = plan

  assert {
    condition     = alltrue(flatten([for bucket in values(output.buckets) : [for writer in bucket.writers : contains(keys(output.identities), writer)]]))
    error_message = "A bucket names a writer that no identity stands for."
  }
}

run "an_unknown_environment_is_refused" {
  command = plan
  variables {
    environment = "prod"
  }
  expect_failures = [var.environment]
}

run "a_small_supernet_is_refused" {
  command = plan
  variables {
    supernet = "10.0.0.0/16"
  }
  expect_failures = [var.supernet]
}

run "fewer_than_one_steady_node_is_refused" {
  command = plan
  variables {
    sizes = {
      management  = { steady_min = 0, steady_max = 3, spot_max = 5, cpu_max = 40, memory_gib_max = 160 }
      resources   = { steady_min = 3, steady_max = 6, spot_max = 0, cpu_max = 64, memory_gib_max = 256 }
      deployments = { steady_min = 1, steady_max = 3, spot_max = 9, cpu_max = 200, memory_gib_max = 800 }
    }
  }
  expect_failures = [var.sizes]
}

run "a_domain_with_a_dot_at_its_end_is_refused" {
  command = plan
  variables {
    domain = "marea.example.org."
  }
  expect_failures = [var.domain]
}
