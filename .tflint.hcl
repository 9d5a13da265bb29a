# Every rule of the bundled Terraform ruleset. What the AWS ruleset would find (names and values that AWS refuses), the real
# provider finds when tests/infra plans and applies every stack.
plugin "terraform" {
  enabled = true
  preset  = "all"
}

# Files are by concern, as large stacks need it: no main.tf, and further variables in a file of their own.
rule "terraform_standard_module_structure" {
  enabled = false
}
