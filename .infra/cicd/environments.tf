# The environments that a push goes through, one after the other: built once, it is delivered to each by its digest. The last one is env,
# whose actions, projects and roles have plain names; of the others they end with -NAME. So an environment put in front moves nothing.

variable "environments" {
  description = "Environments that a push goes through in this order, for example [{ name = \"gamma\" }, { name = \"prod\" }]; the last one is env. Empty: env alone. What one leaves out is as the variable of that name says."
  type = list(object({
    name             = string
    require_approval = optional(bool)
    bake_minutes     = optional(number)
    customers        = optional(list(string))
    hosted_zone_id   = optional(string)
  }))
  default  = []
  nullable = false

  validation {
    condition     = length(var.environments) == 0 || try(reverse(var.environments)[0].name, "") == var.env
    error_message = "Give environments an order that ends with env: the pipeline is named after where it leads to."
  }

  validation {
    condition     = alltrue([for name in var.environments[*].name : length(name) <= 16 && can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", name)) && !strcontains("${name}-", "-customer-")])
    error_message = "Give each of environments a name as env may have: 1 to 16 lower-case letters, digits and single hyphens, starting with a letter, without -customer."
  }

  validation {
    condition     = length(distinct(var.environments[*].name)) == length(var.environments)
    error_message = "Give each of environments a name of its own."
  }

  validation {
    condition     = alltrue([for minutes in [for environment in var.environments : coalesce(environment.bake_minutes, 0)] : minutes >= 0 && minutes <= 120 && floor(minutes) == minutes])
    error_message = "Give bake_minutes of each of environments as the variable of that name: a whole number from 0 to 120."
  }

  validation {
    condition     = alltrue([for id in compact(var.environments[*].hosted_zone_id) : can(regex("^Z[A-Z0-9]+$", id))])
    error_message = "Give hosted_zone_id of each of environments as the variable of that name: the ID of a Route 53 hosted zone, for example Z0123456789ABCDEFGHIJ."
  }

  validation {
    condition     = length(var.environments) <= 4
    error_message = "Give at most 4 environments: the policies of the pipeline's own role have room for no more."
  }
}

locals {
  order = length(var.environments) == 0 ? [var.env] : var.environments[*].name

  for_all = {
    require_approval = var.require_approval
    bake_minutes     = var.bake_minutes
    customers        = var.customers
    hosted_zone_id   = var.hosted_zone_id
  }
  given = { for environment in var.environments : environment.name => environment... }
  settings = { for name in toset(local.order) : name => merge(local.for_all, {
    for key, value in try(local.given[name][0], {}) : key => value if value != null
  }) }

  environments = { for name, settings in local.settings : name => merge(settings, {
    suffix = name == var.env ? "" : "-${name}"
    app    = "app-${name}" # what the app stack names its things
    tags   = { Project = "clockmirror", Environment = name, Stack = "app" }
    first  = name == local.order[0]

    services = concat(["api"], [for key in settings.customers : "customer-${key}"])
    one_box  = settings.bake_minutes > 0 ? ["api-onebox"] : []
    # Run order: with one box, it and its Bake come before what all others get.
    fleet_order = settings.bake_minutes > 0 ? 5 : 3

    # CodePipeline writes an artifact under the first 10 characters of its name.
    screenshots = name == var.env ? "screenshots" : "screens${index(local.order, name)}"
  }) }

  # The services of an environment in policies, which have no room for many names.
  patterns = { for name, of in local.environments : name => concat(["api"], of.one_box, length(of.customers) == 0 ? [] : ["customer-*"]) }

  service_arns = { for name, of in local.environments : name => [
    for service in local.patterns[name] : format(local.regional, "ecs", "service/${of.app}/${service}")
  ] }
  revision_arns = { for name, of in local.environments : name => [
    for service in local.patterns[name] : format(local.regional, "ecs", "task-definition/${of.app}-${service}:*")
  ] }
  service_role_arns = { for name, of in local.environments : name => [
    for pair in setproduct(local.patterns[name], ["execution", "task"]) : format(local.iam, "role/${of.app}-${pair[0]}-${pair[1]}")
  ] }
}

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
