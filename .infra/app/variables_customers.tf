# Who gets a service of their own. By default no customer has one, and nothing in customers.tf is made.

variable "customers" {
  description = <<-EOT
    Customers with a service of their own, by a short key that AWS's names are made from: the name that the service knows
    the customer by (CUSTOMER_NAME), the host name that reaches it, and how it scales; what scaling leaves out is as in the
    variable scaling. With domain_name, hosts have to lie in the zone hosted_zone_id: each gets its certificate and its
    record there. Without, there is plain HTTP, and whoever owns a host points it (CNAME) at the load balancer.
  EOT
  type = map(object({
    name = string
    host = string
    scaling = optional(object({
      min_tasks           = optional(number)
      max_tasks           = optional(number)
      cpu_percent         = optional(number)
      requests_per_minute = optional(number)
    }), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for key in keys(var.customers) : can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", key)) && length("app-${var.env}-customer-${key}") <= 32])
    error_message = "Give each of customers a key of lower-case letters, digits and single hyphens, such that app-<env>-customer-<key> has at most 32 characters, as the name of a target group may."
  }

  validation {
    condition     = length(var.customers) <= 25
    error_message = "Give at most 25 customers: a load balancer has room for 25 certificates beside its own. More need an environment of their own."
  }

  validation {
    condition     = alltrue([for customer in values(var.customers) : try(length(customer.name) > 0 && trimspace(customer.name) == customer.name, false)])
    error_message = "Give each of customers a name that the service's GREETINGS has, for example A, without spaces around it."
  }

  # 64 characters are what the name of a certificate may have.
  validation {
    condition = alltrue([for customer in values(var.customers) :
      can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", customer.host)) && try(length(customer.host) <= 64, false)
    ])
    error_message = "Give each of customers a full host name in lower case, of at most 64 characters, for example customer-a.example.com."
  }

  validation {
    condition     = length(distinct(concat([var.domain_name], values(var.customers)[*].host))) == 1 + length(var.customers)
    error_message = "Give each of customers a host of its own, other than domain_name: the load balancer tells customers apart by it."
  }

  validation {
    condition = alltrue([for customer in values(var.customers) : (
      coalesce(customer.scaling.min_tasks, var.scaling.min_tasks) >= 1 &&
      coalesce(customer.scaling.max_tasks, var.scaling.max_tasks) >= coalesce(customer.scaling.min_tasks, var.scaling.min_tasks)
    )])
    error_message = "Give scaling.min_tasks of each of customers at least 1 and scaling.max_tasks at least as much; what it leaves out is taken from the variable scaling."
  }

  validation {
    condition = alltrue([for customer in values(var.customers) : (
      coalesce(customer.scaling.cpu_percent, 60) >= 10 && coalesce(customer.scaling.cpu_percent, 60) <= 90 &&
      coalesce(customer.scaling.requests_per_minute, 1) >= 1
    )])
    error_message = "Give scaling.cpu_percent of each of customers 10 to 90 and scaling.requests_per_minute at least 1."
  }

  # The same words as in customers.tf: a validation can't refer to what is made from its variable. The last two are the one box's.
  validation {
    condition     = length(setsubtract(distinct([for key in keys(var.customers) : parseint(substr(sha256(key), 0, 8), 16) % 49999]), [49997, 49998])) == length(var.customers)
    error_message = "Give the newest of customers another key: a rule's priority is made from the key, and this one makes that of another rule."
  }

  validation {
    condition     = length(var.customers) == 0 || !contains(keys(var.secrets), "CUSTOMER_NAME")
    error_message = "Leave CUSTOMER_NAME out of secrets: each of customers gives its own."
  }
}
