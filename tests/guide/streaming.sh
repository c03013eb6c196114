# Step 1: Create the task run with events enabled
RUN_ID=$(curl -s -X POST https://api.parallel.ai/v1/tasks/runs \
  -H "x-api-key: ${PARALLEL_API_KEY}" \
  -H "Content-Type: application/json" \
  -H "parallel-beta: events-sse-2025-07-24" \
  -d '{"processor":"ultra","input":"Conduct a deep competitive analysis of the EV battery market.","enable_events":true}' \
  | jq -r '.run_id')

# Step 2: Stream events until the task completes
curl -s --no-buffer "https://api.parallel.ai/v1/tasks/runs/${RUN_ID}/events" \
  -H "x-api-key: ${PARALLEL_API_KEY}" \
  -H "parallel-beta: events-sse-2025-07-24"
