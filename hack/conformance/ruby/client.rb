# Lists the namespaces of the current context's cluster, once or every half second.
require 'kubeclient'

def connect
  context = Kubeclient::Config.read(ENV.fetch('KUBECONFIG')).context
  Kubeclient::Client.new(
    context.api_endpoint, 'v1', ssl_options: context.ssl_options, auth_options: context.auth_options
  )
end

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

def repeat(seconds)
  client = connect
  stop = now + seconds
  while now < stop
    begin
      client.get_namespaces
      puts 'ok'
    rescue StandardError => e
      puts "error: #{e.message}".gsub(/\s+/, ' ')
    end
    sleep 0.5
  end
end

case ARGV[0]
when 'list' then connect.get_namespaces.each { |namespace| puts namespace.metadata.name }
when 'loop' then repeat(Float(ARGV[1]))
when 'version' then puts Kubeclient::VERSION
else abort 'usage: client.rb list | loop SECONDS | version'
end
