"""What a person sets up for a product: thresholds, scales, pools of pictures, known defects."""
