# What the reader opens.
