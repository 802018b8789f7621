# Small, and cheap where it may be: half of it may be reclaimed at any time.
environment         = "dev"
supernet            = "10.0.0.0/12"
release_channel     = "RAPID"
deletion_protection = false
sizes = {
  management  = { steady_min = 1, steady_max = 3, spot_max = 3, cpu_max = 32, memory_gib_max = 128 }
  resources   = { steady_min = 3, steady_max = 3, spot_max = 0, cpu_max = 24, memory_gib_max = 192 }
  deployments = { steady_min = 1, steady_max = 2, spot_max = 6, cpu_max = 64, memory_gib_max = 256 }
}
