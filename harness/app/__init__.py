"""The composition root: a Spec goes in, a wired session runs, a Result comes out."""
