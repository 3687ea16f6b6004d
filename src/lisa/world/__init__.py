"""The drawn world: scenes, drawing, facts and questions. Torch-free."""
