"""The schema `sandbox`: SQL in, frozen values out."""
