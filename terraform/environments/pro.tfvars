environment     = "pro"
supernet        = "10.32.0.0/12"
release_channel = "STABLE"
sizes = {
  management  = { steady_min = 3, steady_max = 12, spot_max = 12, cpu_max = 160, memory_gib_max = 640 }
  resources   = { steady_min = 3, steady_max = 9, spot_max = 0, cpu_max = 96, memory_gib_max = 768 }
  deployments = { steady_min = 3, steady_max = 12, spot_max = 60, cpu_max = 512, memory_gib_max = 2048 }
}
