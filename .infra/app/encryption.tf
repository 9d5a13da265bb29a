# What the environment stores outside S3, its logs and its alarm messages, is encrypted with the key of the bootstrap stack.

data "aws_kms_alias" "environments" {
  name = "alias/clockmirror"
}
