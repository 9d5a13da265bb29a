# One box: a service of one task that gets a new version before all others do, and is watched meanwhile.

variable "bake_minutes" {
  description = "Minutes for which one box is watched with a new version before all others get it. 0: no one box. A person changes it with the app stack's one_box_percent, and applies app first."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.bake_minutes >= 0 && var.bake_minutes <= 120 && floor(var.bake_minutes) == var.bake_minutes
    error_message = "Give bake_minutes a whole number from 0 to 120, for example 10."
  }
}

locals {
  one_box = var.bake_minutes > 0 ? ["api-onebox"] : []
  # Run orders: with one box, it and its Bake come before what all others get.
  fleet_order = 3 + 2 * length(local.one_box)
}
