# What runs. ECS's deploy action registers revisions too, each a copy with another image; `track_latest` lets Terraform
# take the newest one for its own, and `skip_destroy` keeps older ones, as they are what a roll-back goes to.

locals {
  full_name = "app-${var.env}-${var.name}"
  container = "api" # in every service, so that one imagedefinitions.json of the pipeline fits all
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.full_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  track_latest             = true
  skip_destroy             = true

  runtime_platform {
    cpu_architecture        = var.cpu_architecture
    operating_system_family = "LINUX"
  }

  # As ECS returns it: a list or a default that is left out here comes back, and every plan would replace the revision.
  container_definitions = jsonencode([{
    name      = local.container
    image     = var.image
    cpu       = 0
    essential = true

    portMappings = [{ containerPort = var.port, hostPort = var.port, protocol = "tcp" }]
    environment  = [for name in sort(keys(var.environment)) : { name = name, value = var.environment[name] }]
    secrets      = [for name in sort(keys(var.secrets)) : { name = name, valueFrom = var.secrets[name] }]

    user                   = "65532"
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { add = [], drop = ["ALL"] } }

    mountPoints    = []
    systemControls = []
    volumesFrom    = []

    # More than the service's drain and shutdown take together.
    stopTimeout = 30

    healthCheck = {
      command     = ["CMD", "/clockmirror", "healthcheck"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 10
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "ecs"
        # A slow log must not stop the service from answering.
        mode            = "non-blocking"
        max-buffer-size = "10m"
      }
    }
  }])

  # A task that starts before it may pull or log fails.
  depends_on = [aws_iam_role_policy.execution]
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:log_retention_days decides.
  name              = "/ecs/${local.full_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}
