# The service itself: task, target group, deployment, scaling, alarms and rights.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  name                 = "api"
  env                  = "test"
  region               = "eu-west-1"
  partition            = "aws"
  account_id           = "123456789012"
  permissions_boundary = "arn:aws:iam::123456789012:policy/clockmirror-boundary"
  image                = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/clockmirror@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  cpu_architecture     = "X86_64"
  cpu                  = 256
  memory               = 512
  port                 = 8080
  environment          = { PORT = "8080" }
  secrets              = {}
  secrets_kms_key_arns = []
  cluster_name         = "app-test"
  vpc_id               = "vpc-0"
  subnet_ids           = ["subnet-a", "subnet-b"]
  security_group_id    = "sg-0"
  assign_public_ip     = false
  scaling              = { min_tasks = 2, max_tasks = 6, cpu_percent = 60, requests_per_minute = 6000 }
  fargate_spot_percent = 0
  listener_arn         = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/app-test/0/0"
  rule_priority        = 50000
  alb_arn_suffix       = "app/app-test/0123456789abcdef"
  deregistration_delay = 25
  log_retention_days   = 30
  kms_key_arn          = "arn:aws:kms:eu-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
  alarm_topic_arn      = "arn:aws:sns:eu-west-1:123456789012:app-test-alarms"
  alarm_thresholds     = { error_percent = 1, p99_seconds = 1, cpu_percent = 95 }
  shared_alarm_names   = ["app-test-alb-5xx"]
}

run "task" {
  command = plan

  module {
    source = "./modules/service"
  }

  assert {
    condition     = aws_ecs_task_definition.this.track_latest && aws_ecs_task_definition.this.skip_destroy
    error_message = "Terraform follows the revisions of the deploy action, and keeps the older ones to roll back to."
  }

  assert {
    condition     = one(aws_ecs_task_definition.this.runtime_platform).cpu_architecture == "X86_64" && aws_ecs_task_definition.this.network_mode == "awsvpc"
    error_message = "The task runs on what the image is built for."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].image == var.image && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].name == "api"
    error_message = "The container is api and runs the given image."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].user == "65532" && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].linuxParameters.capabilities.drop == ["ALL"]
    error_message = "The container is not root, has no capability and can't write to its file system."
  }

  assert {
    condition = alltrue([for container in jsondecode(aws_ecs_task_definition.this.container_definitions) : (
      container.cpu == 0 && container.linuxParameters.capabilities.add == [] && container.mountPoints == [] && container.systemControls == [] && container.volumesFrom == []
    )])
    error_message = "The definition says what ECS would fill in, so that a later plan is empty."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].healthCheck.command == ["CMD", "/clockmirror", "healthcheck"] && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout == 30
    error_message = "ECS checks the container with the image's own program and gives it time to drain."
  }

  assert {
    condition     = [for mapping in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].portMappings : mapping.containerPort] == [8080]
    error_message = "Only the API's port is mapped, never the admin port."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].logConfiguration.logDriver == "awslogs" && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].logConfiguration.options.awslogs-group == "/ecs/app-test-api" && aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "Logs go to the service's own group, and expire."
  }
}

run "target_group" {
  command = plan

  module {
    source = "./modules/service"
  }

  assert {
    condition     = aws_lb_target_group.this.health_check[0].path == "/readyz" && aws_lb_target_group.this.health_check[0].interval == 5 && aws_lb_target_group.this.deregistration_delay == "25"
    error_message = "A task gets traffic seconds after it is ready, and is let go in five."
  }

  assert {
    condition     = aws_lb_target_group.this.target_type == "ip" && aws_lb_target_group.this.port == 8080
    error_message = "Fargate's targets are addresses."
  }

  assert {
    condition     = aws_lb_listener_rule.this.priority == 50000 && one(one(aws_lb_listener_rule.this.condition).path_pattern).values == toset(["/*"])
    error_message = "The rule takes every path, after all others."
  }
}

run "deployment" {
  command = plan

  module {
    source = "./modules/service"
  }

  assert {
    condition     = aws_ecs_service.this.deployment_minimum_healthy_percent == 100 && aws_ecs_service.this.deployment_maximum_percent == 200 && aws_ecs_service.this.desired_count == 2 && aws_ecs_service.this.availability_zone_rebalancing == "ENABLED"
    error_message = "Two tasks, spread over the zones, replaced without ever being fewer."
  }

  assert {
    condition     = aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback && aws_ecs_service.this.alarms[0].enable && aws_ecs_service.this.alarms[0].rollback
    error_message = "A deployment that fails, or that alarms, is rolled back."
  }

  assert {
    condition     = aws_ecs_service.this.alarms[0].alarm_names == toset(["app-test-api-5xx", "app-test-api-unhealthy", "app-test-alb-5xx"])
    error_message = "Only what the service does wrong rolls back, never what its clients do wrong."
  }

  assert {
    condition     = aws_ecs_service.this.network_configuration[0].assign_public_ip == false && aws_ecs_service.this.network_configuration[0].security_groups == toset(["sg-0"]) && !aws_ecs_service.this.enable_execute_command
    error_message = "Tasks have no public address, and no shell can be opened in them."
  }

  assert {
    condition     = [for strategy in aws_ecs_service.this.capacity_provider_strategy : strategy.capacity_provider] == ["FARGATE"]
    error_message = "Nothing runs on Spot unless asked for."
  }
}

run "public_address" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    assign_public_ip = true
  }

  assert {
    condition     = aws_ecs_service.this.network_configuration[0].assign_public_ip
    error_message = "The egress mode public_ip gives each task an address."
  }
}

run "spot" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    fargate_spot_percent = 70
  }

  assert {
    condition     = { for strategy in aws_ecs_service.this.capacity_provider_strategy : strategy.capacity_provider => strategy.weight } == { FARGATE = 30, FARGATE_SPOT = 70 }
    error_message = "The share is the given one."
  }

  assert {
    condition     = [for strategy in aws_ecs_service.this.capacity_provider_strategy : strategy.base if strategy.capacity_provider == "FARGATE"] == [2]
    error_message = "Spot comes on top of a floor that can't be taken away."
  }
}

run "spot_only" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    fargate_spot_percent = 100
  }

  assert {
    condition     = one([for strategy in aws_ecs_service.this.capacity_provider_strategy : strategy if strategy.capacity_provider == "FARGATE"]).weight == 1 && one([for strategy in aws_ecs_service.this.capacity_provider_strategy : strategy if strategy.capacity_provider == "FARGATE"]).base == 2
    error_message = "The floor needs a weight above 0: ECS places no task on a provider whose weight is 0."
  }
}

run "scaling" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    scaling = { min_tasks = 3, max_tasks = 9, cpu_percent = 50, requests_per_minute = 1200 }
  }

  assert {
    condition     = aws_appautoscaling_target.this.min_capacity == 3 && aws_appautoscaling_target.this.max_capacity == 9 && aws_appautoscaling_target.this.resource_id == "service/app-test/api"
    error_message = "Floor and ceiling are the given ones."
  }

  assert {
    condition     = { for policy in aws_appautoscaling_policy.this : policy.target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type => policy.target_tracking_scaling_policy_configuration[0].target_value } == { ECSServiceAverageCPUUtilization = 50, ALBRequestCountPerTarget = 1200 }
    error_message = "It scales on CPU and on requests per target."
  }

  assert {
    condition     = aws_appautoscaling_policy.this["requests"].target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].resource_label == "app/app-test/0123456789abcdef/targetgroup/app-test-api/0123456789abcdef"
    error_message = "Requests are counted for this target group."
  }
}

run "alarms" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    alarm_thresholds = { error_percent = 2, p99_seconds = 0.5, cpu_percent = 80 }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.errors.threshold == 2 && toset([for query in aws_cloudwatch_metric_alarm.errors.metric_query : query.metric[0].metric_name if length(query.metric) > 0]) == toset(["HTTPCode_Target_5XX_Count", "RequestCount"])
    error_message = "The rate of 5xx is alarmed on, not their number."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.latency.threshold == 0.5 && toset([for query in aws_cloudwatch_metric_alarm.latency.metric_query : query.metric[0].stat if length(query.metric) > 0]) == toset(["Sum", "p50", "p99"])
    error_message = "The slowest hundredth is alarmed on, and with few samples the slower half."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.unhealthy.metric_name == "UnHealthyHostCount" && aws_cloudwatch_metric_alarm.unhealthy.threshold == 0
    error_message = "An unhealthy task is alarmed on."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.no_task.metric_name == "HealthyHostCount" && aws_cloudwatch_metric_alarm.no_task.threshold == 1 && aws_cloudwatch_metric_alarm.no_task.treat_missing_data == "breaching"
    error_message = "No healthy task is an alarm, and so is no news of any."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.throttled.metric_name == "CPUUtilization" && aws_cloudwatch_metric_alarm.throttled.threshold == 80 && aws_cloudwatch_metric_alarm.throttled.statistic == "Maximum"
    error_message = "A task that uses all of its CPU is alarmed on."
  }

  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.errors, aws_cloudwatch_metric_alarm.latency, aws_cloudwatch_metric_alarm.unhealthy, aws_cloudwatch_metric_alarm.no_task, aws_cloudwatch_metric_alarm.throttled] :
      alarm.alarm_actions == toset([var.alarm_topic_arn]) && length(coalesce(alarm.ok_actions, [])) == 0
    ])
    error_message = "Every alarm tells the topic when it starts; that it is over, a rule tells."
  }
}

run "rights" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    secrets = {
      TOKEN    = "arn:aws:ssm:eu-west-1:123456789012:parameter/team/token"
      PASSWORD = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:password-AbCdEf:key::"
      OTHER    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:password-AbCdEf:other::"
    }
    secrets_kms_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"]
  }

  assert {
    condition     = aws_iam_role.task.permissions_boundary == var.permissions_boundary && aws_iam_role.execution.permissions_boundary == var.permissions_boundary
    error_message = "Both roles carry the boundary."
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.execution.statement : statement.sid => join(" ", statement.resources) } == {
      WriteLogs          = "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/app-test-api:*"
      RegistryLogin      = "*"
      PullImage          = "arn:aws:ecr:eu-west-1:123456789012:repository/team/clockmirror"
      ReadSsm            = "arn:aws:ssm:eu-west-1:123456789012:parameter/team/token"
      ReadSecretsmanager = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:password-AbCdEf"
      DecryptSecrets     = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    }
    error_message = "Starting a task needs its own log group, its repository, its secrets and their keys."
  }

  assert {
    condition     = toset([for secret in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets : "${secret.name}=${secret.valueFrom}"]) == toset([for name, arn in var.secrets : "${name}=${arn}"])
    error_message = "The container gets its secrets by reference."
  }
}

run "image_from_elsewhere" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    image = "ghcr.io/team/clockmirror@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.execution.statement : statement.sid] == ["WriteLogs"]
    error_message = "An image that is not in ECR needs no right in ECR."
  }
}
