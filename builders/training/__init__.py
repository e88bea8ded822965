"""Training of models on what the registry holds: training sets, kinds of model, the stage that trains them."""
