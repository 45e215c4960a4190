"""Images that are no patch of H&E tissue in focus, made at random: to train and to test on."""
