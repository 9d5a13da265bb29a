# Where the pipeline pushes images and ECS pulls them. A tag can't be moved, so a commit's tag always means the image that
# was built from it.

resource "aws_ecr_repository" "this" {
  name                 = var.repository_name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !var.protect

  image_scanning_configuration {
    scan_on_push = true
  }

  # With the account's own key for ECR, aws/ecr: no monthly price, nothing to grant.
  encryption_configuration {
    encryption_type = "KMS"
  }
}

# What runs, and what ran before, has a tag deployed-… (keep-running). An image that fits a rule is never expired by a later one, so
# pushes that were never deployed don't count against it. There is no rule for images without a tag: each image is pushed with its
# tag, and bills of materials and signatures have none. ECR deletes these with the image that they refer to.
resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Keep the last ${var.keep_images} deployed images, to run and to roll back to"
        selection = {
          tagStatus      = "tagged"
          tagPatternList = ["deployed-*"]
          countType      = "imageCountMoreThan"
          countNumber    = var.keep_images
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "Keep other images only if they are among the last ${var.keep_images}"
        selection = {
          tagStatus      = "tagged"
          tagPatternList = ["*"]
          countType      = "imageCountMoreThan"
          countNumber    = var.keep_images
        }
        action = { type = "expire" }
      },
    ]
  })
}
