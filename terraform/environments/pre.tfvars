# As the production is, with fewer nodes.
environment     = "pre"
supernet        = "10.16.0.0/12"
release_channel = "REGULAR"
sizes = {
  management  = { steady_min = 2, steady_max = 6, spot_max = 6, cpu_max = 64, memory_gib_max = 256 }
  resources   = { steady_min = 3, steady_max = 6, spot_max = 0, cpu_max = 48, memory_gib_max = 384 }
  deployments = { steady_min = 1, steady_max = 4, spot_max = 12, cpu_max = 128, memory_gib_max = 512 }
}
