terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }

  # Bucket and prefix come from `terraform init -backend-config`, one prefix an environment: see scripts/init.
  backend "gcs" {}
}

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = module.platform.labels
}
