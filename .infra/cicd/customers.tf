# Customers with a service of their own in the app stack: each gets the image beside api.

variable "customers" {
  description = "Keys of the customers in env/ENV.tfvars of the app stack, each of which has a service of its own. Each gets an action beside UpdateECSService. With any, the pipeline's roles may touch services that are called customer-… in env."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for key in concat(var.customers, [for environment in var.environments : coalesce(environment.customers, [])]...) : can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", key))])
    error_message = "Give customers the keys of the app stack's variable customers: lower-case letters, digits and single hyphens."
  }

  validation {
    condition     = alltrue([for keys in concat([var.customers], [for environment in var.environments : coalesce(environment.customers, [])]) : length(keys) <= 25])
    error_message = "Give at most 25 customers: a load balancer has room for 25 certificates beside its own. More need an environment of their own."
  }
}
