print("rnnc")
